"use strict";

// Packs one npm package: tc-auth, or the one that has the add-on for a platform.
//
//     node pack.js DIRECTORY main LIB           the first, with what tsc has written into LIB
//     node pack.js DIRECTORY PLATFORM ADD-ON
//
// npm gives the files of an archive a time of its own, but the modes that they have.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

// How npm calls each platform of packaging/platform.sh: the end of the package's name is made of these.
const PLATFORMS = {
    "glibc2.17": { os: "linux", cpu: "x64", libc: "glibc" },
    aarch64: { os: "linux", cpu: "arm64", libc: "glibc" },
    musl: { os: "linux", cpu: "x64", libc: "musl" },
    "aarch64-musl": { os: "linux", cpu: "arm64", libc: "musl" },
    windows: { os: "win32", cpu: "x64" },
    "windows-aarch64": { os: "win32", cpu: "arm64" },
    macos: { os: "darwin", cpu: "arm64" },
    "macos-x86_64": { os: "darwin", cpu: "x64" },
};

const root = path.join(__dirname, "..", "..");
const binding = path.join(root, "bindings", "node");
const described = JSON.parse(fs.readFileSync(path.join(binding, "package.json"), "utf8"));
const { name, version, license, author, engines } = described;

function nameFor(platform) {
    const { os, cpu, libc } = PLATFORMS[platform];
    return [name, os, cpu, ...(libc ? [libc.replace("glibc", "gnu")] : [])].join("-");
}

function mainPackage(directory, lib) {
    const { private: _, scripts, devDependencies, prettier, ...published } = described;
    published.optionalDependencies = Object.fromEntries(Object.keys(PLATFORMS).map((each) => [nameFor(each), version]));
    published.files = [...published.files, "copyright"];
    copy(lib, path.join(directory, "lib"));
    copy(path.join(binding, "README.md"), path.join(directory, "README.md"));
    return published;
}

function platformPackage(directory, platform, addon) {
    const { os, cpu, libc } = PLATFORMS[platform];
    copy(addon, path.join(directory, "tc_auth.node"));
    const system = [os, cpu, libc].filter(Boolean).join(", ");
    fs.writeFileSync(
        path.join(directory, "README.md"),
        `# ${nameFor(platform)}\n\nThe native library of \`${name}\`, for ${system}. Install \`${name}\`: it takes the ` +
            `package for your system.\n`,
    );
    return {
        name: nameFor(platform),
        version,
        description: `The native library of ${name}, for ${system}`,
        license,
        author,
        type: "commonjs",
        main: "./tc_auth.node",
        files: ["tc_auth.node", "copyright"],
        engines,
        os: [os],
        cpu: [cpu],
        ...(libc && { libc: [libc] }),
    };
}

function copy(from, to) {
    fs.cpSync(from, to, { recursive: true });
}

function setModes(directory) {
    for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
        fs.chmodSync(path.join(entry.parentPath ?? entry.path, entry.name), entry.isDirectory() ? 0o755 : 0o644);
    }
}

const [output, what, built] = process.argv.slice(2);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc-auth-"));
try {
    const packed = what === "main" ? mainPackage(directory, built) : platformPackage(directory, what, built);
    fs.writeFileSync(path.join(directory, "package.json"), JSON.stringify(packed, null, 2) + "\n");
    copy(path.join(root, "LICENSE"), path.join(directory, "LICENSE"));
    copy(path.join(root, "packaging", "debian", "copyright"), path.join(directory, "copyright"));
    setModes(directory);
    fs.mkdirSync(output, { recursive: true });
    execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", output, directory], {
        stdio: ["ignore", "ignore", "inherit"],
    });
} finally {
    fs.rmSync(directory, { recursive: true });
}
