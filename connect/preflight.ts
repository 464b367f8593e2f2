import { runChecks, type Finding, type CheckContext } from '../checks/check.ts';
import { plugin } from '../checks/connector.ts';
import { recordSize, topicRefusals } from '../checks/kafka.ts';
import { cdcLogin, migrations, publication, slotRoom, walLevel } from '../checks/postgres.ts';

/** The doctor's checks that must pass before the connector is registered. */
const required = [walLevel, migrations, publication, slotRoom, cdcLogin, plugin, recordSize];

/**
 * Checks everything that the connector needs of Postgres, Connect and Kafka. It changes nothing.
 *
 * @returns every finding; a check that could not be made is a finding too
 */
export function preflight(context: CheckContext): Promise<Finding[]> {
  return runChecks(required, context);
}

/** The faults of an existing event topic that would lose or stop events. */
export const checkTopic = (context: CheckContext): Promise<Finding[]> => runChecks(topicRefusals, context);
