import kafkajs, { type AclEntry, type Admin } from 'kafkajs';
import { z } from 'zod';
import { grantsToGive, kafkaServices, type Grant, type GrantNames, type Operation } from '../contract/kafka-grants.ts';

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

/** Settings for names that differ from the defaults, to be spread into a schema. */
export const grantSettings = {
  TOPIC: z.string().optional().describe("The consumers' topic, where it is another one"),
  DEAD_LETTER_TOPIC: z.string().optional().describe("The consumers' dead-letter topic, where it is another one"),
  CLEANUP_GROUP: z.string().optional().describe("cleanup's group, where it is another one"),
};

/** The names that the settings give. */
export const grantNames = (given: Partial<Record<keyof typeof grantSettings, string | undefined>>): GrantNames => ({
  ...(given.TOPIC !== undefined && { topic: given.TOPIC }),
  ...(given.DEAD_LETTER_TOPIC !== undefined && { deadLetterTopic: given.DEAD_LETTER_TOPIC }),
  ...(given.CLEANUP_GROUP !== undefined && { cleanupGroup: given.CLEANUP_GROUP }),
});

/** The missing grants of our services, and those that are not in the list; undefined if the broker has no access list. */
export async function compareAcls(admin: Admin, names: GrantNames): Promise<{ missing: AclEntry[]; beyond: AclEntry[] } | undefined> {
  const held = await readAcls(admin);
  if (held === undefined) return undefined;
  const wanted = grantsToGive(names).map(aclOf);
  return { missing: wanted.filter(lacks(held)), beyond: held.filter(lacks(wanted)) };
}

/** DESCRIBE_CONFIGS → DescribeConfigs, as Kafka's tools and Strimzi have it. */
export const operationName = (operation: Operation): string =>
  operation
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

/** For a person: `User:watch may WRITE on TOPIC events`. */
export function describeAcl({ principal, permissionType, operation, resourceType, resourceName, resourcePatternType }: AclEntry): string {
  const named = (types: object, value: number) => Object.entries(types).find(([, one]) => one === value)?.[0] ?? String(value);
  const may = permissionType === AclPermissionTypes.ALLOW ? 'may' : 'may not';
  const pattern = resourcePatternType === ResourcePatternTypes.PREFIXED ? '*' : '';
  return `${principal} ${may} ${named(AclOperationTypes, operation)} on ${named(AclResourceTypes, resourceType)} ${resourceName}${pattern}`;
}

const FIELDS = ['principal', 'host', 'permissionType', 'operation', 'resourceType', 'resourceName', 'resourcePatternType'] as const;
/** Equal for equal entries. */
const keyOf = (acl: AclEntry): string => FIELDS.map((field) => acl[field]).join(' ');

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
