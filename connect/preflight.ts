import { runChecks, type Finding, type CheckContext } from '../checks/check.ts';
import { plugin } from '../checks/connector.ts';
import { recordSize, topicRefusals } from '../checks/kafka.ts';
import { cdcLogin, migrations, publication, slotRoom, walLevel } from '../checks/postgres.ts';

/** What must be so before the connector is registered: a part of what the doctor checks. */
const required = [walLevel, migrations, publication, slotRoom, cdcLogin, plugin, recordSize];

/**
 * Asks Postgres, Connect and Kafka for everything the connector needs. Nothing is changed.
 *
 * @returns every finding, empty when all is well; a check that could not be made is a finding too
 */
export function preflight(context: CheckContext): Promise<Finding[]> {
  return runChecks(required, context);
}

/** What an event topic that is there already must not be: it would lose or stop events. */
export const checkTopic = (context: CheckContext): Promise<Finding[]> => runChecks(topicRefusals, context);
