//! A second static library written in Rust, for tests/c/two_rust.c.

use std::panic::catch_unwind;

#[unsafe(no_mangle)]
pub extern "C" fn second_sum(count: i32) -> i32 {
    let sum = || {
        assert!(count <= 5, "a panic that is caught");
        (0..count).collect::<Vec<_>>().iter().sum()
    };
    catch_unwind(sum).unwrap_or(-1)
}
