// Those who wait until a renewal ends.

import { setTimeout, clearTimeout } from "node:timers";
import { onAbort } from "./abort.js";
import { TcAuthError } from "./error.js";
import type { Renewal } from "./renewal.js";
import { Status } from "./status.js";

// One poll for all that wait, after a random time between these two. Nothing tells a thread that another thread or
// process has ended its renewal. What this thread does wakes them at once.
const POLL_AT_LEAST_MS = 50;
const POLL_AT_MOST_MS = 100;

interface Waiter {
    resolve(renewal: Renewal | null): void;
    reject(error: unknown): void;
}

/** The waiting calls of an Auth. None of them blocks a thread, or polls on its own. */
export class Waiters {
    readonly #waiting = new Set<Waiter>();
    readonly #poll: () => Renewal | null;
    #timer: NodeJS.Timeout | undefined;

    /** `poll` throws RENEWAL_TIMEOUT while another renewal is under way. */
    constructor(poll: () => Renewal | null) {
        this.#poll = poll;
    }

    /** Waits until a poll gives something else than RENEWAL_TIMEOUT. One of those that wait gets the ticket. */
    wait(limit: number, signal?: AbortSignal | null): Promise<Renewal | null> {
        return new Promise((resolve, reject) => {
            if (signal?.aborted) {
                reject(signal.reason);
                return;
            }
            const end = (): void => {
                this.#waiting.delete(waiter);
                clearTimeout(timer);
                forget();
                if (this.#waiting.size === 0) {
                    clearTimeout(this.#timer);
                    this.#timer = undefined;
                }
            };
            const waiter: Waiter = {
                resolve(renewal) {
                    end();
                    resolve(renewal);
                },
                reject(error) {
                    end();
                    reject(error);
                },
            };
            const timer = setTimeout(() => waiter.reject(new TcAuthError(Status.RENEWAL_TIMEOUT)), limit);
            const forget = onAbort(signal, () => waiter.reject(signal?.reason));
            this.#waiting.add(waiter);
            this.#schedule();
        });
    }

    /** Polls for all that wait: something has changed. */
    wake(): void {
        for (const first of this.#waiting) {
            let renewal: Renewal | null;
            try {
                renewal = this.#poll();
            } catch (error) {
                if (error instanceof TcAuthError && error.status === Status.RENEWAL_TIMEOUT) {
                    this.#schedule();
                } else {
                    this.#waiting.forEach((waiter) => waiter.reject(error));
                }
                return;
            }
            if (renewal === null) {
                this.#waiting.forEach((waiter) => waiter.resolve(null));
                return;
            }
            first.resolve(renewal);
        }
    }

    #schedule(): void {
        this.#timer ??= setTimeout(
            () => {
                this.#timer = undefined;
                this.wake();
            },
            POLL_AT_LEAST_MS + Math.random() * (POLL_AT_MOST_MS - POLL_AT_LEAST_MS),
        );
    }
}
