export { tcAuth } from "./undici.js";
export type { Dispatch, Interceptor } from "./undici.js";
