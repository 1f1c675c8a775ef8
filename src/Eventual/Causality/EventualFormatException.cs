namespace KvRaft.Eventual.Causality;

/// <summary>Bytes that are not what they should be: of a stored record, of another node's message, or of a value.</summary>
public class EventualFormatException(string message) : Exception(message);
