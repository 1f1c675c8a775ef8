namespace KvRaft.Eventual.Causality;

/// <summary>The bytes of a stored record, a message of another node, or a value are malformed.</summary>
public class EventualFormatException(string message) : Exception(message);
