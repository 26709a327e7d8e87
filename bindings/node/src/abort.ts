// Aborts, for many that wait with the same signal.

interface Watch {
    readonly actions: Set<() => void>;
    readonly listener: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

/**
 * Calls `action` when the signal is aborted. Returns a function that ends this.
 *
 * A signal has one listener, because Node.js warns of more than ten.
 */
export function onAbort(signal: AbortSignal | null | undefined, action: () => void): () => void {
    if (signal == null) {
        return () => {};
    }
    let watch = watches.get(signal);
    if (watch === undefined) {
        const actions = new Set<() => void>();
        watch = { actions, listener: () => actions.forEach((one) => one()) };
        watches.set(signal, watch);
        signal.addEventListener("abort", watch.listener);
    }
    const { actions, listener } = watch;
    actions.add(action);
    return () => {
        actions.delete(action);
        if (actions.size === 0 && watches.get(signal)?.actions === actions) {
            watches.delete(signal);
            signal.removeEventListener("abort", listener);
        }
    };
}
