"use strict";

// A registry for npm that has the packages of some directories, and no others. It prints its URL, and ends with its input.
//
//     node registry.js DIRECTORY...

const { execFileSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const packages = new Map();
for (const directory of process.argv.slice(2)) {
    for (const file of fs.readdirSync(directory).filter((name) => name.endsWith(".tgz"))) {
        const archive = path.join(directory, file);
        const described = JSON.parse(
            execFileSync("tar", ["-xzOf", archive, "package/package.json"], { encoding: "utf8" }),
        );
        packages.set(described.name, { archive, described, bytes: fs.readFileSync(archive) });
    }
}

const server = http.createServer((request, response) => {
    const [name, wanted] = decodeURIComponent(request.url.slice(1)).split("/-/");
    const found = packages.get(name);
    if (!found) {
        response.writeHead(404).end("{}");
    } else if (wanted) {
        response.end(found.bytes);
    } else {
        const { described, bytes } = found;
        const dist = {
            tarball: `http://${request.headers.host}/${name}/-/${name}.tgz`,
            integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
        };
        const versions = { [described.version]: { ...described, dist } };
        response.end(JSON.stringify({ name, "dist-tags": { latest: described.version }, versions }));
    }
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
process.stdin.resume().on("end", () => process.exit());
