/** The only door to the framework: what is not exported here is its own business. */

export { type AppConfig, defineAppConfig } from './Config/AppConfig.js';
export { type ConfigDefinition, type ConfigFiles, ConfigRepository } from './Config/ConfigRepository.js';
export { type ConfigInput, defineConfig } from './Config/define.js';
export type { Environment, Manifest } from './Config/Environment.js';
export { env } from './Config/env.js';
export { loadConfig } from './Config/loadConfig.js';
export { loadEnvironment } from './Config/loadEnvironment.js';
export type { Place } from './Config/Place.js';
export * as rules from './Config/rules.js';
export type { ConfigOverrides } from './ConfigOverrides.js';
export { BadRequestException } from './Exceptions/BadRequestException.js';
export { Exception, type ExceptionOptions } from './Exceptions/Exception.js';
export { ConfigError, ContainerError } from './Exceptions/errors.js';
export { ForbiddenException } from './Exceptions/ForbiddenException.js';
export { NotFoundException } from './Exceptions/NotFoundException.js';
export { PayloadTooLargeException } from './Exceptions/PayloadTooLargeException.js';
export {
    ServiceUnavailableException,
    type ServiceUnavailableOptions,
} from './Exceptions/ServiceUnavailableException.js';
export { UnauthorizedException } from './Exceptions/UnauthorizedException.js';
export { UnsupportedMediaTypeException } from './Exceptions/UnsupportedMediaTypeException.js';
export { type RefusedForm, ValidationException, type ValidationOptions } from './Exceptions/ValidationException.js';
export { action, type ControllerClass } from './Http/action.js';
export { applicationOf } from './Http/applicationOf.js';
export { type Envelope, ExceptionHandler } from './Http/Errors/ExceptionHandler.js';
export { defineHttpConfig, type HttpConfig } from './Http/HttpConfig.js';
export {
    type ExpressSettings,
    HttpPipeline,
    type PipelineStage,
    type StageHandler,
    type StageName,
} from './Http/HttpPipeline.js';
export { HttpServer, type ListenOptions } from './Http/HttpServer.js';
export { HttpServiceProvider } from './Http/HttpServiceProvider.js';
export { host } from './Http/host.js';
export { type Middleware, type MiddlewareClass, middleware } from './Http/middleware.js';
export { Html, type HtmlPart, html } from './Http/Pages/html.js';
export { Readiness, type ReadinessCheck, type Unready } from './Http/Readiness.js';
export { serve } from './Http/serve.js';
export type { UpgradeHandler } from './Http/Upgrades.js';
export type { ViewEngine, ViewsConfig } from './Http/viewsConfig.js';
export {
    ApplicationKernel,
    type KernelOptions,
    type KernelState,
    type ServiceProviderClass,
} from './Kernel/ApplicationKernel.js';
export { Container, type Token } from './Kernel/Container.js';
export { ServiceProvider } from './Kernel/ServiceProvider.js';
export { Logger } from './Logging/Logger.js';
export { defineLoggingConfig, type LoggingConfig } from './Logging/LoggingConfig.js';
export { LoggingServiceProvider } from './Logging/LoggingServiceProvider.js';
export { type LogLevel, logLevels } from './Logging/levels.js';
export { hashPassword, needsRehash, verifyPassword } from './Passwords/passwords.js';
export type { Closable } from './Session/Admin/closable.js';
export {
    type RevokeOptions,
    type SessionName,
    SessionRegistry,
    type UserSession,
} from './Session/Admin/SessionRegistry.js';
export {
    type OpenedSession,
    type StoredSession,
    StoredSessions,
    type WalkOptions,
} from './Session/Admin/StoredSessions.js';
export { StoreLocks } from './Session/Admin/StoreLocks.js';
export { defineSessionConfig, type SessionConfig } from './Session/Config/SessionConfig.js';
export { csrfField, csrfToken } from './Session/csrfToken.js';
export type { ListedRecord, SessionDriver, StoredRecord } from './Session/Drivers/SessionDriver.js';
export { SessionEvents } from './Session/Events/SessionEvents.js';
export type {
    NoCookieReason,
    RevokedBy,
    SessionEndReason,
    SessionEvent,
    SessionEventListener,
    SessionEventName,
    SessionRefusal,
} from './Session/Events/sessionEvent.js';
export { exclusive } from './Session/exclusive.js';
export { flash, flashed } from './Session/flash.js';
export { increment } from './Session/increment.js';
export { intended } from './Session/intended.js';
export {
    authenticatedAt,
    authenticatedUser,
    fingerprint,
    isDeviceBound,
    login,
    loginFailed,
    logout,
} from './Session/login.js';
export { type MigrationCounts, SessionMigration } from './Session/Moving/SessionMigration.js';
export { type SessionDriverFactory, SessionManager } from './Session/Opening/SessionManager.js';
export { pull } from './Session/pull.js';
export { DamagedRecordError } from './Session/Record/DamagedRecordError.js';
export { SessionLimitException } from './Session/Repository/SessionErrors.js';
export type { SessionEnded } from './Session/Request/RequestSession.js';
export { oldInput, validationErrors } from './Session/refusedForm.js';
export { requireBoundDevice, requireLogin, requireRecentLogin } from './Session/requireLogin.js';
export { SessionServiceProvider } from './Session/SessionServiceProvider.js';
export { KeyedMutex } from './Support/KeyedMutex.js';
export type { Lease } from './Support/Lease.js';
export type { InferOutput, StandardSchema } from './Support/StandardSchema.js';
export { isSecretField } from './Support/secretNames.js';
export { type ValidateOptions, validate } from './Validation/validate.js';
export { welcome } from './Welcome/welcome.js';

import './Session/types.js';
