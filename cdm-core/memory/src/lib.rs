//! A limit of resident memory that a program keeps, however much it holds.
//!
//! A program that has [`Spilling`] as its global allocator may set a [`Limit`]. While one is set, every piece of memory of 64 KiB
//! or more lies in a temporary file that is mapped into memory, and whenever the process comes near the limit, the pages of
//! that file are taken out of it again. Nothing is lost by that and nobody need know: who looks at such a piece gets its page
//! back, from the system's cache most often, or else from the disk. So what is large need not fit into memory, at the price of
//! looks that take a few microseconds instead of a tenth of one. No limit set, nothing of this happens.
//!
//! ```standalone_crate
//! use std::alloc::System;
//! #[global_allocator]
//! static ALLOCATOR: cdm_memory::Spilling<System> = cdm_memory::Spilling::over(System);
//!
//! # #[cfg(target_os = "linux")] {
//! let limit = cdm_memory::Limit::new(64 << 20)?;
//! let mut large: Vec<u64> = (0..50_000_000).collect(); // 400 MB
//! large.reverse();
//! assert_eq!((large[0], limit.passed_by()), (49_999_999, None));
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Where the file lies: in the folder that `TMPDIR` names, or else in `/var/tmp` or `/tmp`, never in one that is memory itself (`tmpfs`). It has no
//! name, nobody else can open it, and it is gone with the process, however that ends. Room on the disk is taken before a piece is handed out; where there is
//! none, the piece lies in ordinary memory. A process that was forked off sees the pieces of its parent and makes none of its own.
//!
//! On Linux with addresses of 64 bits only; elsewhere [`Limit::new`] says that it is not supported, and [`Spilling`] is the allocator that it is over.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod limit;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
#[path = "unsupported.rs"]
mod limit;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod region;
mod spilling;

pub use limit::{Limit, can_limit, is_limited, settle};
pub use spilling::Spilling;
