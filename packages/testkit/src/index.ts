export { Auditor, type ReaderAudit, type Verdict } from './auditor.ts'
export { makeCertificate, type Certificate } from './certificate.ts'
export { launchChromium, hasChromium } from './chromium.ts'
export { runCli, spawnCli, type CliProcess, type CliResult } from './cli.ts'
export { mountDiskImage, type DiskImage } from './disk-image.ts'
export { startExample, type Example } from './example.ts'
export type { FaultCounts, FaultKind, FaultOptions } from './faults.ts'
export { startFlakyProxy, type FlakyProxy, type FlakyProxyOptions } from './flaky-proxy.ts'
export type { Frame } from './frame.ts'
export { openHosts, type Host, type Hosts } from './hosts.ts'
export { startHub, type HubOptions, type HubProcess } from './hub-process.ts'
export {
  kafkaCommand,
  SHORT_SESSION,
  startKafka,
  startKafkaCluster,
  type Kafka,
  type KafkaListener,
  type KafkaOptions,
} from './kafka.ts'
export { startNats, startNatsCluster, type NatsCluster, type NatsOptions, type NatsServer } from './nats.ts'
export { openNetwork, type Network } from './network.ts'
export { startPostgres, type Backup, type Postgres, type PostgresOptions } from './postgres.ts'
export type { ProgramExit, ProgramOptions } from './program.ts'
export { createRandom, testSeed, type Random } from './random.ts'
export { startRedis, type RedisOptions, type RedisServer } from './redis.ts'
export { needs, type RequirementName } from './requirement.ts'
export { freePort, startService, type Service, type ServiceOptions } from './service.ts'
export { createScriptedLog, type ScriptedLog, type ScriptedLogOptions } from './scripted-log.ts'
export { mountSmallDisk, type SmallDisk } from './small-disk.ts'
export { openStream, type OpenStreamOptions, type StreamReader } from './stream-reader.ts'
export { tempDir, type TempDir } from './temp.ts'
