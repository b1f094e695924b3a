//! A disk that has no room left, with `TMPDIR` in a file system of some hundred megabytes; elsewhere it has, and all holds as well.
#![cfg(target_os = "linux")]

use std::alloc::System;

use cdm_memory::{Limit, Spilling, settle};

#[global_allocator]
static ALLOCATOR: Spilling<System> = Spilling::over(System);

#[test]
fn a_piece_is_whole_wherever_it_finds_room() {
    let limit = Limit::new(400 << 20).unwrap();
    let mut vectors: Vec<Vec<u64>> = Vec::new();
    for number in 0..1500_u64 {
        // Neither whole units nor one size: room is left between pieces, and pages of both are read before they are written to.
        let mut vector = vec![0_u64; 12_288 + number as usize % 7 * 4096];
        assert_eq!(vector.iter().sum::<u64>(), 0);
        settle();
        vector.iter_mut().for_each(|value| *value = number);
        if number % 3 == 1 && number > 300 {
            vectors.swap_remove(number as usize % vectors.len());
        }
        vectors.push(vector);
    }
    for vector in &vectors {
        assert!(vector.iter().all(|value| *value == vector[0]));
    }
    eprintln!("the disk {} full", if limit.found_disk_full() { "was" } else { "was not" });
}
