/** What tests use of src/framework/Config. */
export { appConfig, defineAppConfig } from '../../../src/framework/Config/AppConfig.js';
export {
    type ConfigDefinition,
    type ConfigFiles,
    ConfigRepository,
} from '../../../src/framework/Config/ConfigRepository.js';
export { defineConfig } from '../../../src/framework/Config/define.js';
export type { Environment } from '../../../src/framework/Config/Environment.js';
export { env } from '../../../src/framework/Config/env.js';
export { withVariable } from '../../../src/framework/Config/envFile.js';
export { loadEnvironment } from '../../../src/framework/Config/loadEnvironment.js';
export { loadManifest } from '../../../src/framework/Config/loadManifest.js';
export { optionalImport } from '../../../src/framework/Config/optionalImport.js';
export {
    anyOf,
    arrayOf,
    boolean,
    custom,
    func,
    instanceOf,
    integer,
    nullable,
    number,
    object,
    oneOf,
    optional,
    type Rule,
    record,
    string,
} from '../../../src/framework/Config/rules.js';
export { randomSecret, secretsIn, weaknessOf } from '../../../src/framework/Config/secrets.js';
