namespace KvRaft.Storage;

/// <summary>
/// What applying one command answered. Every replica computes the same outcome for the same command; a refusal (a
/// condition that did not hold, a session that expired) is an outcome, never an exception. Each state machine derives its own.
/// </summary>
public abstract class Outcome;
