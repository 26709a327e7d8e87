"use strict";

// How the add-on is found. Each case is a program of its own.

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const test = require("node:test");

const ROOT = path.join(__dirname, "..");
const ADDON = process.env["TC_AUTH_ADDON"] ?? path.join(ROOT, "build", "Release", "tc_auth.node");

const PERMISSION = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";

/** What a program prints that loads the package, or the message of its error. */
function load(addon, cwd = ROOT, directory = ROOT, flags = []) {
    const program = `
        try {
            console.log(require(${JSON.stringify(directory)}).version());
        } catch (error) {
            console.log(error.message);
        }`;
    const env = { ...process.env, TC_AUTH_ADDON: addon };
    return execFileSync(process.execPath, [...flags, "-e", program], {
        cwd,
        env,
        encoding: "utf8",
        stdio: "pipe",
    }).trim();
}

test("the add-on that the environment names", () => {
    const { version } = require("../package.json");
    assert.equal(load(ADDON), version);
    assert.equal(load(path.basename(ADDON), path.dirname(ADDON)), version, "a relative path");
});

test("a process that loads no add-ons is told so", () => {
    for (const flags of [["--no-addons"], [PERMISSION, "--allow-fs-read=*"]]) {
        const text = load(ADDON, ROOT, ROOT, flags);
        assert.match(
            text,
            /may not load any: start Node\.js without --no-addons and, with --permission, also with --allow-addons/,
        );
        assert.ok(!text.includes("--omit=optional"));
    }
});

test("the permissions of Node.js do not bind the add-on, as the documentation says", (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const program = `
        const { Auth } = require(${JSON.stringify(ROOT)});
        Auth.token("API:5:x", 4e9).shareIn(${JSON.stringify(directory)}, "0123456789abcdef0123456789abcdef");
        console.log(process.permission.has("fs.write"));
    `;
    const flags = [PERMISSION, "--allow-fs-read=*", "--allow-addons"];
    const env = { ...process.env, TC_AUTH_ADDON: ADDON };
    const options = { env, encoding: "utf8", stdio: "pipe" };
    assert.equal(execFileSync(process.execPath, [...flags, "-e", program], options).trim(), "false");
    assert.ok(fs.readdirSync(directory).some((name) => name.endsWith(".token")));
});

test("an add-on of another version, and none, are refused with what to do", () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
    const other = path.join(directory, "other.js");
    fs.writeFileSync(other, 'exports.version = () => "9.8.7";');
    assert.match(load(other), /other\.js: it is version 9\.8\.7, and tc-auth has version .*Install .* again/);
    const missing = load(path.join(directory, "missing.node"));
    assert.match(missing, /was not found. Tried:\n {2}.*missing\.node: Cannot find module/);
    assert.match(missing, /--omit=optional/);

    // A copy without the add-on, as npm leaves it on a system without a package.
    fs.cpSync(path.join(ROOT, "lib"), path.join(directory, "lib"), { recursive: true });
    fs.copyFileSync(path.join(ROOT, "package.json"), path.join(directory, "package.json"));
    const text = load("", directory, directory);
    const system = `${process.platform}-${process.arch}`;
    assert.ok(text.includes(`tc-auth-${system}`), text);
    assert.ok(text.includes(path.join(directory, "build", "Release", "tc_auth.node")), text);
    fs.rmSync(directory, { recursive: true });
});
