/** What tests use of src/Config. */
export { appConfig, defineAppConfig } from '../../../src/Config/AppConfig.js';
export {
    type ConfigDefinition,
    type ConfigFiles,
    ConfigRepository,
} from '../../../src/Config/ConfigRepository.js';
export { defineConfig } from '../../../src/Config/define.js';
export type { Environment } from '../../../src/Config/Environment.js';
export { env } from '../../../src/Config/env.js';
export { withVariable } from '../../../src/Config/envFile.js';
export { loadEnvironment } from '../../../src/Config/loadEnvironment.js';
export { loadManifest } from '../../../src/Config/loadManifest.js';
export { optionalImport } from '../../../src/Config/optionalImport.js';
export {
    anyOf,
    arrayOf,
    boolean,
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
} from '../../../src/Config/rules.js';
export { randomSecret, secretsIn, weaknessOf } from '../../../src/Config/secrets.js';
