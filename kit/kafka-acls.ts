import kafkajs, { type AclEntry, type Admin } from 'kafkajs';
import { kafkaServices, type Grant } from '../contract/kafka-grants.ts';

// A broker's access list, in Kafka's terms.

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** Kafka's code for "this broker has no access list at all". */
const SECURITY_DISABLED = 54;

/** A grant as Kafka stores it. It is allowed from any address. */
export const aclOf = ({ service, resource, name, prefixed, operation }: Grant): AclEntry => ({
  principal: `User:${service}`,
  host: '*',
  permissionType: AclPermissionTypes.ALLOW,
  operation: AclOperationTypes[operation],
  resourceType: AclResourceTypes[resource],
  resourceName: name,
  resourcePatternType: prefixed ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
});

/** @returns the access list of our services, without other logins; undefined when the broker keeps no access list */
export async function readAcls(admin: Admin): Promise<AclEntry[] | undefined> {
  try {
    const { resources } = await admin.describeAcls({
      resourceType: AclResourceTypes.ANY,
      resourcePatternType: ResourcePatternTypes.ANY,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    });
    const principals = kafkaServices.map((service) => `User:${service}`);
    return resources
      .flatMap(({ acls, ...resource }) => acls.map((acl) => ({ ...acl, ...resource })))
      .filter(({ principal }) => principals.includes(principal));
  } catch (error) {
    if ((error as { code?: unknown }).code === SECURITY_DISABLED) return undefined;
    throw error;
  }
}

const FIELDS = ['principal', 'host', 'permissionType', 'operation', 'resourceType', 'resourceName', 'resourcePatternType'] as const;
/** Equal for equal entries. */
export const keyOf = (acl: AclEntry): string => FIELDS.map((field) => acl[field]).join(' ');

/** Whether a list lacks an entry. */
export function lacks(held: Iterable<AclEntry>): (acl: AclEntry) => boolean {
  const keys = new Set([...held].map(keyOf));
  return (acl) => !keys.has(keyOf(acl));
}

/** Adds and removes grants. Repeating it changes nothing. */
export async function changeAcls(admin: Admin, add: AclEntry[], remove: AclEntry[]): Promise<void> {
  if (add.length > 0) await admin.createAcls({ acl: add });
  if (remove.length > 0) await admin.deleteAcls({ filters: remove });
}
