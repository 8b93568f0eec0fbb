import { describe, expect, it } from 'vitest';
import { readContainerId } from '../../../src/inspect/container-id.ts';

const id = '0123456789abcdef'.repeat(4);
const inner = 'f'.repeat(64);

describe('readContainerId', () => {
  it.each([
    [`/docker/${id}`, 'docker'],
    [`/system.slice/docker-${id}.scope`, 'docker'],
    [`/machine.slice/libpod-${id}.scope/container`, 'podman'],
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope`, 'podman'],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-${id}.scope`,
      'containerd',
    ],
    [`/kubepods/besteffort/pod1/${id}`, 'containerd'],
    [`/my-own-parent/${id}`, 'unknown'],
    [`/machine.slice/crio-${id}.scope`, 'unknown'],
  ])('reads %s', (cgroup, engine) => {
    expect(readContainerId(cgroup)).toEqual({ id, engine });
  });

  it('names the innermost of nested containers', () => {
    expect(readContainerId(`/docker/${id}/docker/${inner}`)?.id).toBe(inner);
  });

  it.each([
    '/',
    '/system.slice/docker.service',
    `/machine.slice/libpod-conmon-${id}.scope`,
    `/docker/${id}0`,
    '/docker/abc',
  ])('takes %s for none', (cgroup) => {
    expect(readContainerId(cgroup)).toBeUndefined();
  });
});
