"use strict";

// Four processes of `cluster` that share a token; one is killed, and another one takes its place. For workers.test.js.

const cluster = require("node:cluster");
const { once } = require("node:events");

const { Auth, createFetch } = require("tc-auth");

async function primary() {
    const result = { statuses: {}, failures: [], killed: 0 };
    const finished = async (worker) => {
        const [statuses] = await once(worker, "message");
        for (const status of statuses) {
            if (typeof status === "number") {
                result.statuses[status] = (result.statuses[status] ?? 0) + 1;
            } else {
                result.failures.push(status);
            }
        }
    };
    const workers = Array.from({ length: 4 }, () => cluster.fork());
    await Promise.all(workers.map(finished));
    workers[0].process.kill("SIGKILL");
    await once(workers[0], "exit");
    result.killed++;
    await finished(cluster.fork());
    process.send(result, () => {
        for (const worker of Object.values(cluster.workers)) {
            worker.kill();
        }
        process.disconnect();
    });
}

async function worker() {
    const auth = Auth.fromEnv();
    const fetch = createFetch(auth, { shareIn: { directory: process.env.TOKEN_DIRECTORY, key: "a key of this test" } });
    const send = async () => {
        try {
            const response = await fetch(auth.url("/v3/indicators"));
            await response.arrayBuffer();
            return response.status;
        } catch (error) {
            return String(error);
        }
    };
    process.send(await Promise.all(Array.from({ length: 20 }, send)));
}

if (cluster.isPrimary) {
    primary();
} else {
    worker();
}
