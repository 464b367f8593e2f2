import { accepted, askController, type Encoder, type QuotaEntity } from '../../kit/kafka-quotas.ts';
import { kafkaFor } from '../../stack/kafka-logins.ts';
import { config } from './stack.ts';

/** Sets one limit of an entity, or removes it: AlterClientQuotas. */
export async function setClientQuota(entity: QuotaEntity, key: string, limit?: number): Promise<void> {
  const parts = Object.entries(entity);
  const encode = (encoder: Encoder): Encoder => {
    encoder.writeInt32(1).writeInt32(parts.length);
    for (const [type, name] of parts) encoder.writeString(type).writeString(name);
    encoder
      .writeInt32(1)
      .writeString(key)
      .writeDouble(limit ?? 0);
    return encoder.writeBoolean(limit === undefined).writeBoolean(false); // Whether it is removed, and whether this is only a try.
  };
  await askController(kafkaFor(config, 'admin'), { apiKey: 49, apiName: 'AlterClientQuotas', encode }, (decoder) => {
    decoder.readInt32(); // How long the request was throttled.
    decoder.readArray(accepted);
  });
}
