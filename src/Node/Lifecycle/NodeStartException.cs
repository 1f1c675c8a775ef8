namespace KvRaft.Node.Lifecycle;

/// <summary>Why a node did not start.</summary>
internal enum StartFault
{
    /// <summary>Another process listens on the port.</summary>
    PortInUse,

    /// <summary>The listen address is not one of this machine, or needs rights the process does not have.</summary>
    CannotListen,

    /// <summary>The data directory cannot be created or written.</summary>
    DirectoryNotWritable,

    /// <summary>The data directory is in use by another process.</summary>
    DirectoryInUse,

    /// <summary>The data directory belongs to another node, another cluster, or a cluster of another shape.</summary>
    ForeignDirectory,

    /// <summary>The cluster does not accept the node: it is another cluster's, the name or the address is taken, or the data was lost.</summary>
    NotAdmitted,

    /// <summary>The file with the cluster's secret cannot be read, is readable by others, or holds none.</summary>
    UnusableSecret,

    /// <summary>The disk of the data directory is full.</summary>
    NoRoom,

    /// <summary>The data are damaged in a way that must not be ignored.</summary>
    DamagedData,
}

/// <summary>A node did not start; nothing was changed. The message is one line and names the next step.</summary>
internal sealed class NodeStartException(StartFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    public StartFault Fault { get; } = fault;
}
