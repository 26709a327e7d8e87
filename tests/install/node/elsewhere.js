"use strict";

// What must work wherever the package can be installed: a signature, a renewal, a shared directory. The only argument is a
// file for the output, because wine gives Node.js no pipe.

const assert = require("node:assert");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { Auth, createFetch } = require("tc-auth");
const { FakePlatform } = require("tc-auth/testing");

async function main() {
    const signed = Auth.hmac("12345678901234567890", "tc_auth-example-secret").headers("GET", "/api/v3/indicators", {
        at: 1513703787,
    });
    assert.equal(signed.authorization, "TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=");
    // An import has the same objects.
    assert.equal((await import("tc-auth")).Auth, Auth);

    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc-auth-"));
    const fake = await FakePlatform.start({ tokenLife: 3600 });
    const get = async (auth) => {
        const response = await createFetch(auth)(auth.url("/v3/indicators"));
        await response.arrayBuffer();
        return response.status;
    };
    try {
        assert.equal(await get(fake.hmacAuth()), 200);
        const { token } = fake.issueToken();
        // Two that share a token, as two processes do: an expiry of 1 is long past.
        for (let index = 0; index < 2; index++) {
            const auth = Auth.token(token, 1);
            auth.apiPath = fake.apiPath;
            auth.shareIn(directory, "a key of this test");
            assert.equal(await get(auth), 200);
            auth.close();
        }
        assert.equal(fake.renewals, 1);
    } finally {
        await fake.close();
        fs.rmSync(directory, { recursive: true });
    }
    return `signed and renewed: Node.js ${process.versions.node}, ${process.platform}, ${process.arch}\n`;
}

main().then((line) => fs.writeFileSync(process.argv[2], line));
