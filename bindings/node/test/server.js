"use strict";

// Servers whose answers a test decides, and the messages that a refusal has.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");

const UNAUTHORIZED = JSON.stringify({ status: "Failure", message: "Unauthorized" });

/**
 * Serves each request with what `answer(received)` returns, `{ status, body, headers }`, and keeps it in `received`.
 * With status 0 it closes the connection; without an end (`ends: false`) the body does not end.
 */
class Server {
    static async start(answer, tls = null) {
        const server = tls === null ? http.createServer() : https.createServer(tls);
        await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
        return new Server(server, answer, tls === null ? "http" : "https");
    }

    constructor(server, answer, scheme) {
        this.received = [];
        this.connections = 0;
        this.server = server;
        this.url = `${scheme}://127.0.0.1:${server.address().port}`;
        server.keepAliveTimeout = 60_000;
        server.on(scheme === "http" ? "connection" : "secureConnection", (socket) => {
            socket.number = this.connections++;
        });
        server.on("request", async (request, response) => {
            const chunks = [];
            try {
                for await (const chunk of request) {
                    chunks.push(chunk);
                }
            } catch {
                return; // the client gave up
            }
            const received = {
                method: request.method,
                target: request.url,
                headers: request.headers,
                fields: request.headersDistinct,
                body: Buffer.concat(chunks),
                connection: request.socket.number,
            };
            this.received.push(received);
            const { status = 200, body = "{}", headers = {}, ends = true } = await answer(received);
            if (status === 0) {
                response.destroy();
                return;
            }
            const bytes = Buffer.from(body);
            const hasLength = ends && !("Transfer-Encoding" in headers);
            response.writeHead(status, hasLength ? { "Content-Length": bytes.length, ...headers } : headers);
            response.write(bytes);
            if (ends) {
                response.end();
            }
        });
    }

    targets() {
        return this.received.map((one) => one.target);
    }

    async close() {
        const closed = new Promise((resolve) => this.server.close(resolve));
        this.server.closeAllConnections();
        await closed;
    }
}

/** Answers each request with these bytes, and closes the connection after them if `closes`. */
class Raw {
    static async start(start, closes = false) {
        const server = net.createServer((socket) => {
            socket.on("error", () => {});
            socket.once("data", () => (closes ? socket.end(start) : socket.write(start)));
        });
        await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
        return new Raw(server);
    }

    constructor(server) {
        this.server = server;
        this.sockets = new Set();
        this.url = `http://127.0.0.1:${server.address().port}`;
        server.on("connection", (socket) => this.sockets.add(socket));
    }

    async close() {
        this.sockets.forEach((socket) => socket.destroy());
        await new Promise((resolve) => this.server.close(resolve));
    }
}

/** For servers on 127.0.0.1: `{ key, cert }`, and the file that clients must trust. */
function certificate() {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "tc_auth-"));
    const [key, file] = ["key.pem", "certificate.pem"].map((name) => path.join(directory, name));
    const command =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 " +
        "-addext subjectAltName=IP:127.0.0.1";
    execFileSync("openssl", [...command.split(" "), "-keyout", key, "-out", file], { stdio: "ignore" });
    const tls = { key: fs.readFileSync(key), cert: fs.readFileSync(file) };
    fs.rmSync(directory, { recursive: true });
    return tls;
}

module.exports = { Raw, Server, UNAUTHORIZED, certificate };
