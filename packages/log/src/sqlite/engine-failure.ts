/**
 * Thrown by the engine of a thread that cannot go on, and does not know the outcome of a call. The thread ends, and its
 * successor opens the log again.
 */
export class EngineFailure extends Error {}
