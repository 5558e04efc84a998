import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '#proxy/config.ts';

const KEY = 'projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1';
const GOOD = {
  GOOGLE_CLOUD_PROJECT: 'p',
  HOLDPOINT_POLICY: '/policy.yaml',
  HOLDPOINT_HOLDS_TOPIC: 'projects/p/topics/holds',
  HOLDPOINT_AUDIT_TOPIC: 'projects/p/topics/audit',
  HOLDPOINT_DECISION_KEYS: KEY,
  HOLDPOINT_MASK_KEY: 'projects/p/secrets/mask',
  HOLDPOINT_CONSOLE_URL: 'https://console.example.com',
};

test('the proxy as a service takes its configuration from the environment, with defaults as Cloud Run has them', () => {
  const config = readConfig({ ...GOOD, HOLDPOINT_DECISION_KEYS: `${KEY}, ${KEY.slice(0, -1)}2`, PORT: '' });
  assert.equal(config.PORT, 8080);
  assert.equal(config.HOLDPOINT_PG_PORT, undefined);
  assert.equal(config.HOLDPOINT_DECISION_KEYS.length, 2);
});

test('everything that is missing or wrong is told at once, each in its own words and without its value', () => {
  assert.throws(() => readConfig({}), {
    message:
      'the proxy is not configured: GOOGLE_CLOUD_PROJECT is not set; HOLDPOINT_POLICY is not set; HOLDPOINT_HOLDS_TOPIC is not set; ' +
      'HOLDPOINT_AUDIT_TOPIC is not set; HOLDPOINT_DECISION_KEYS is not set; HOLDPOINT_MASK_KEY is not set; HOLDPOINT_CONSOLE_URL is not set',
  });
  const wrong: Record<string, [string, RegExp]> = {
    HOLDPOINT_AUDIT_TOPIC: ['audit', /HOLDPOINT_AUDIT_TOPIC is not projects/],
    HOLDPOINT_DECISION_KEYS: [`${KEY},`, /HOLDPOINT_DECISION_KEYS has to be versions of KMS keys/],
    HOLDPOINT_MASK_KEY: ['sesame', /HOLDPOINT_MASK_KEY is no secret/],
    PORT: ['99999', /PORT is not a port/],
    HOLDPOINT_TLS_CERT: ['/cert.pem', /HOLDPOINT_TLS_KEY belongs together with HOLDPOINT_TLS_CERT/],
    // Nothing in the clear, and no credential, leaves the machine for a variable that somebody has set.
    HOLDPOINT_SECRETS_EMULATOR: ['10.0.0.1:80', /HOLDPOINT_SECRETS_EMULATOR has to be 127.0.0.1:port/],
    HOLDPOINT_KMS_EMULATOR: ['127.0.0.1.evil.example:80', /HOLDPOINT_KMS_EMULATOR has to be/],
  };
  for (const [name, [value, why]] of Object.entries(wrong))
    assert.throws(
      () => readConfig({ ...GOOD, [name]: value }),
      (error: Error) => {
        assert.match(error.message, why);
        assert.ok(!error.message.includes('sesame'));
        return true;
      },
    );
});
