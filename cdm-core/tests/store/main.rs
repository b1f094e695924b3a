//! The live store: its laws, its faults, what it forgets.

mod copies;
mod disk;
mod erasure;
mod errors;
mod faults;
mod kill;
mod laws;
mod meanwhile;
mod people;
mod threads;
