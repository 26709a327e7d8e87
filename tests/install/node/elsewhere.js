"use strict";

// What must work wherever the package can be installed: a signature, a renewal, a shared directory.
//
//     node elsewhere.js OUTPUT [offline]    a file, because wine gives Node.js no pipe; and its fetch() can't connect

const assert = require("node:assert");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { Auth, createFetch } = require("tc-auth");
const { FakePlatform } = require("tc-auth/testing");

const [output, isOffline] = process.argv.slice(2);

/** An expiry of 1 is long past. */
function dueAuth(token, apiPath, directory) {
    const auth = Auth.token(token, 1);
    auth.apiPath = apiPath;
    auth.shareIn(directory, "a key of this test");
    return auth;
}

/** Two that share a token, as two processes do. */
async function shareOffline(directory) {
    const [first, second] = [0, 1].map(() => dueAuth("API:1:old", "https://company.example/api", directory));
    const renewal = first.poll();
    assert.match(renewal.url, /API%3A1%3Aold/);
    const token = "API:2:new";
    const apiTokenExpires = Math.floor(Date.now() / 1000) + 3600;
    await renewal.complete(200, JSON.stringify({ success: true, apiToken: token, apiTokenExpires }));
    for (const auth of [first, second]) {
        assert.equal(auth.poll(), null);
        assert.equal(auth.currentToken().value, token);
        auth.close();
    }
}

async function send(directory) {
    const fake = await FakePlatform.start({ tokenLife: 3600 });
    const get = async (auth) => {
        const response = await createFetch(auth)(auth.url("/v3/indicators"));
        await response.arrayBuffer();
        auth.close();
        return response.status;
    };
    try {
        assert.equal(await get(fake.hmacAuth()), 200);
        const { token } = fake.issueToken();
        for (let index = 0; index < 2; index++) {
            assert.equal(await get(dueAuth(token, fake.apiPath, directory)), 200);
        }
        assert.equal(fake.renewals, 1);
    } finally {
        await fake.close();
    }
}

async function main() {
    const signed = Auth.hmac("12345678901234567890", "tc_auth-example-secret").headers("GET", "/api/v3/indicators", {
        at: 1513703787,
    });
    assert.equal(signed.authorization, "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=");
    // An import has the same objects.
    assert.equal((await import("tc-auth")).Auth, Auth);

    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc-auth-"));
    try {
        await shareOffline(directory);
        if (!isOffline) {
            await send(directory);
        }
    } finally {
        fs.rmSync(directory, { recursive: true });
    }
    return `signed and renewed: Node.js ${process.versions.node}, ${process.platform}, ${process.arch}\n`;
}

main().then((line) => fs.writeFileSync(output, line));
