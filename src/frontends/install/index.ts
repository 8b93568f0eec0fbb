export { defaultSocket } from './docker-files.ts';
export { installDocker, type InstallOptions } from './install-docker.ts';
export { installPlugins, uninstallPlugins, type PluginOptions } from './install-plugins.ts';
export type { PluginKind } from './plugin-files.ts';
export type { Step } from './step.ts';
export { uninstallDocker, type UninstallOptions } from './uninstall-docker.ts';
