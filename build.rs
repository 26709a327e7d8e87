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
    let mut options = vec![
        format!("-soname,{soname}"),
        // A thread that ends after dlclose would run destructors of thread-locals in unmapped code.
        "-z,nodelete".to_owned(),
        // The tables of function pointers are read-only before the first line of a caller runs.
        "-z,relro,-z,now".to_owned(),
    ];
    // What is aligned to less than a page can't be mapped, and Android on x86-64 may have pages of 16 KiB. Linkers for
    // arm64 and others with large pages align to 64 KiB by themselves, which this must not lower.
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        options.push("-z,max-page-size=16384".to_owned());
    }
    for option in options {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{option}");
    }
}
