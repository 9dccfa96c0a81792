/** What tests use of src/Session/Events. */
export { noChannels } from '../../../../src/Session/Events/channels.js';
export { SessionEvents } from '../../../../src/Session/Events/SessionEvents.js';
export type { SessionEvent, SessionEventName } from '../../../../src/Session/Events/sessionEvent.js';
