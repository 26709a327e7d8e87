//! Gives the shared library what a plain `cargo build` leaves out.

use std::env;

const MAJOR: &str = env!("CARGO_PKG_VERSION_MAJOR");
const MINOR: &str = env!("CARGO_PKG_VERSION_MINOR");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |what| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let options = match (target("FAMILY").as_str(), target("VENDOR").as_str()) {
        ("unix", "apple") => mach_o(),
        ("unix", _) => elf(&target("ARCH")),
        _ => return, // a DLL needs nothing more
    };
    for option in options {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{option}");
    }
}

// Programs record the name of the library and look for it at run time, so it changes only when the ABI breaks.

fn elf(arch: &str) -> Vec<String> {
    let mut options = vec![
        format!("-soname,libtc_auth.so.{MAJOR}"),
        // A thread that ends after dlclose would run destructors of thread-locals in unmapped code.
        "-z,nodelete".to_owned(),
        // The tables of function pointers are read-only before the first line of a caller runs.
        "-z,relro,-z,now".to_owned(),
    ];
    // What is aligned to less than a page can't be mapped, and Android on x86-64 may have pages of 16 KiB. Linkers for
    // arm64 and others with large pages align to 64 KiB by themselves, which this must not lower.
    if arch == "x86_64" {
        options.push("-z,max-page-size=16384".to_owned());
    }
    options
}

fn mach_o() -> Vec<String> {
    vec![
        format!("-install_name,@rpath/libtc_auth.{MAJOR}.dylib"),
        // A program that was linked with a newer minor version may call what this one lacks: the loader refuses it.
        format!("-compatibility_version,{MAJOR}.{MINOR}.0"),
        format!("-current_version,{}", env!("CARGO_PKG_VERSION")),
        // Rust names libraries that nothing here uses.
        "-dead_strip_dylibs".to_owned(),
    ]
}
