namespace KvRaft.Storage;

/// <summary>
/// The result of applying one command. Every replica computes the same outcome for the same command. A refusal (a
/// condition that did not hold, an expired session) is an outcome, never an exception. Each state machine derives its own type.
/// </summary>
public abstract class Outcome;
