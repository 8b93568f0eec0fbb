export { defaultSocket } from './docker-files.ts';
export { installDocker, type InstallOptions } from './install-docker.ts';
export type { Step } from './step.ts';
export { uninstallDocker, type UninstallOptions } from './uninstall-docker.ts';
