//! Gives the shared library what a plain `cargo build` leaves out.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let family = env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    let vendor = env::var("CARGO_CFG_TARGET_VENDOR").unwrap_or_default();
    if family != "unix" || vendor == "apple" {
        return; // no ELF: no SONAME and no -z options
    }
    // Programs record this name and look for it at run time, so it changes only when the ABI breaks.
    let soname = format!("libtc_auth.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
    for option in [
        format!("-soname,{soname}"),
        // A thread that ends after dlclose would run destructors of thread-locals in unmapped code.
        "-z,nodelete".to_owned(),
        // The tables of function pointers are read-only before the first line of a caller runs.
        "-z,relro,-z,now".to_owned(),
    ] {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{option}");
    }
}
