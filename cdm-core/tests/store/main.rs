//! The live store: its laws, its faults, what it forgets.

mod disk;
mod erasure;
mod errors;
mod faults;
mod laws;
mod people;
mod threads;
