export { FakePlatform, ReceivedRequest } from "./testing.js";
export type { Answer, FakePlatformOptions } from "./testing.js";
