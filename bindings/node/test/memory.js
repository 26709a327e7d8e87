"use strict";

// The memory of a process does not grow over a million signatures and a thousand renewals.
//
//     node --expose-gc memory.js [plant]     plant: something is kept in each round, which must be found

const { Auth, createFetch } = require("tc-auth");
const { FakePlatform } = require("tc-auth/testing");

const ROUNDS = 10;
const SIGNATURES = 100_000;
const RENEWALS = 100;
// A leak of 16 bytes in each signature, or of 16 KiB in each renewal, is 1.6 MB in each round.
const LIMIT = 4 << 20;

const planted = process.argv[2] === "plant";
const kept = [];

async function round(fake) {
    const auth = Auth.hmac("12345678901234567890", "tc_auth-example-secret");
    for (let index = 0; index < SIGNATURES; index++) {
        auth.headers("GET", "/api/v3/indicators?resultLimit=10");
    }
    auth.close();
    for (let index = 0; index < RENEWALS; index++) {
        // A new handle for each, because a handle renews its token at most once a minute.
        const due = Auth.token(fake.issueToken().token, 1);
        due.apiPath = fake.apiPath;
        const response = await createFetch(due)(due.url("/v3/indicators"));
        await response.arrayBuffer();
        due.close();
    }
    fake.requests.length = 0;
    if (planted) {
        kept.push(Buffer.alloc(2 << 20, 1));
    }
}

async function main() {
    const fake = await FakePlatform.start({ tokenLife: 3600 });
    const sizes = [];
    for (let index = 0; index < ROUNDS; index++) {
        await round(fake);
        for (let times = 0; times < 3; times++) {
            globalThis.gc();
            await new Promise(setImmediate);
        }
        sizes.push(process.memoryUsage.rss());
    }
    const renewed = fake.renewals;
    await fake.close();
    // The first rounds fill caches of V8 and malloc.
    const middle = Math.min(...sizes.slice(3, 6));
    const end = Math.min(...sizes.slice(-3));
    console.log(
        `${ROUNDS * SIGNATURES} signatures, ${renewed} renewals: ${sizes.map((size) => size >> 10).join(" ")} KiB`,
    );
    if (renewed !== ROUNDS * RENEWALS) {
        throw new Error(`${renewed} renewals`);
    }
    if (end - middle > LIMIT) {
        console.log(`it grew by ${(end - middle) >> 10} KiB`);
        process.exitCode = 3;
    }
}

main();
