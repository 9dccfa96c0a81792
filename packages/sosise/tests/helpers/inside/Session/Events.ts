/** What tests use of src/Session/Events. */
export { channelNames, noChannels } from '../../../../src/Session/Events/channels.js';
export { SessionEventChannel } from '../../../../src/Session/Events/SessionEventChannel.js';
export { SessionEvents } from '../../../../src/Session/Events/SessionEvents.js';
export type { EventOrigin, RevokedBy, SessionEvent } from '../../../../src/Session/Events/sessionEvent.js';
