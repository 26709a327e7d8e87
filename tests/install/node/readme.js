"use strict";

// Runs the programs of the documents as they are there, with the stand-in for the platform.
//
//     node readme.js PROJECT CLIENTS    the package is installed in the first, the clients in the second
//
// It leaves them in PROJECT as readme-N.mts, for the check of their types.

const assert = require("node:assert");
const { execFileSync, spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "..", "..", "..");
const [project, clients] = process.argv.slice(2);
const readme = fs.readFileSync(path.join(root, "bindings", "node", "README.md"), "utf8");
const sdk = fs.readFileSync(path.join(root, "docs", "coming-from-the-javascript-sdk.md"), "utf8");
// The others are parts of programs.
const programs = [...(readme + sdk).matchAll(/^```js\n(.*?)^```$/gms)]
    .map((found) => found[1])
    .filter((text) => /^import /m.test(text));
assert(programs.length >= 7, String(programs.length));
const exports_ = [...readme.matchAll(/^export (.*)$/gm)].flatMap((line) =>
    line[1].split(" ").map((pair) => pair.split("=")),
);

for (const client of ["undici", "axios"]) {
    fs.symlinkSync(path.join(clients, client), path.join(project, "node_modules", client));
}

function run(program, environment) {
    fs.writeFileSync(path.join(project, "program.mjs"), program);
    return execFileSync(process.execPath, ["--throw-deprecation", "program.mjs"], {
        cwd: project,
        env: environment,
        encoding: "utf8",
        timeout: 60_000,
    });
}

async function main() {
    const standIn = spawn("python3", [path.join(root, "tests", "platform", "stand_in.py")], {
        stdio: ["ignore", "pipe", "ignore"],
    });
    try {
        const [port] = await once(standIn.stdout, "data");
        const url = `http://127.0.0.1:${Number(port)}`;
        const issued = async () => (await (await fetch(`${url}/_stats`)).json()).issued;
        const environment = { ...Object.fromEntries(exports_), TC_API_PATH: `${url}/api` };
        assert(environment.TC_API_ACCESS_ID && environment.TC_API_SECRET_KEY);
        for (const program of programs) {
            const sends = program.includes("console.log(");
            const renews = /createFetch|tcAuth|Session/.test(program);
            const output = run(program, environment);
            assert.match(output, sends ? /^(.*\n)?200( \{.*status: .Success.*\})?\n$/s : /^$/, `${program}\n${output}`);
            if (sends && renews) {
                // With a token, it is renewed: an expiry of 1 is long past.
                const { tc_token } = await (await fetch(`${url}/_issue`)).json();
                const before = await issued();
                run(program, { ...environment, TC_TOKEN: tc_token, TC_TOKEN_EXPIRES: "1" });
                assert.equal(await issued(), before + 1, program);
            }
        }
        programs.forEach((program, number) => {
            // As the comment there says.
            const text = program.replace("Request: null }", "Request: null as never }");
            fs.writeFileSync(path.join(project, `readme-${number}.mts`), text);
        });
        console.log(`${programs.length} programs`);
    } finally {
        standIn.kill();
    }
}

main();
