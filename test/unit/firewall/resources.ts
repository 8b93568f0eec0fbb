export { network, port } from '../../kernel/firewall/resources.ts';
