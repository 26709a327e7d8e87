// The add-on: it is found, loaded, and its version checked.

import { join, resolve } from "node:path";
import type { Native } from "./native.js";

const self = require("../package.json") as { name: string; version: string };

/**
 * The parts of a package's name that say for which system it is, such as win32-x64. On Linux there are two C libraries;
 * each refuses the add-on for the other one, so there is no need to find out which one this is.
 */
export function platforms(): string[] {
    const system = `${process.platform}-${process.arch}`;
    return process.platform === "linux" ? [`${system}-gnu`, `${system}-musl`] : [system];
}

function load(): Native {
    const variable = process.env["TC_AUTH_ADDON"];
    const tried = variable
        ? [resolve(variable)]
        : [
              ...platforms().map((name) => `${self.name}-${name}`),
              join(__dirname, "..", "build", "Release", "tc_auth.node"),
          ];
    const failures: string[] = [];
    for (const place of tried) {
        try {
            return checked(require(place) as Native, place);
        } catch (error) {
            if ((error as { code?: unknown } | null)?.code === "ERR_DLOPEN_DISABLED") {
                throw new Error(
                    `${self.name} contains a native add-on, and this process may not load any: start Node.js without ` +
                        "--no-addons and, with --permission, also with --allow-addons.",
                    { cause: error },
                );
            }
            failures.push(`${place}: ${firstLine(error)}`);
        }
    }
    throw new Error(
        `${self.name}: the native library was not found. Tried:\n  ${failures.join("\n  ")}\n` +
            `Install ${self.name} without --omit=optional, on the system on which it runs. If there is no package for ` +
            `${process.platform}-${process.arch}, build the add-on in a checkout (make node-addon) and set TC_AUTH_ADDON to it.`,
    );
}

/** The package for a platform must have the version of this one: npm can mix them up in a lock file. */
function checked(library: Native, place: string): Native {
    const found = library.version();
    if (found !== self.version) {
        throw new Error(`it is version ${found}, and ${self.name} has version ${self.version}. Install ${place} again`);
    }
    return library;
}

function firstLine(error: unknown): string {
    return String(error instanceof Error ? error.message : error).split("\n", 1)[0] ?? "";
}

export const native = load();

/** The version of the library, such as "0.1.0". */
export function version(): string {
    return native.version();
}

/** The same as a number to compare: major << 16 | minor << 8 | patch. */
export function versionNumber(): number {
    return native.versionNumber();
}
