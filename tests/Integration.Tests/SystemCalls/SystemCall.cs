namespace KvRaft.Integration.Tests.SystemCalls;

/// <summary>One finished system call of a traced process.</summary>
/// <param name="Begun">Line of the trace on which it was entered: lines are the trace's clock.</param>
/// <param name="Ended">Line on which it returned; the same line unless others came between.</param>
/// <param name="Name">Its name in the kernel.</param>
/// <param name="Descriptor">Its first argument.</param>
/// <param name="Bytes">The bytes it wrote, sent or received, as far as the trace shows.</param>
/// <param name="Result">Its result; negative is a failure.</param>
internal sealed record SystemCall(int Begun, int Ended, string Name, int Descriptor, byte[] Bytes, long Result)
{
    public bool IsReceive => Name is "recvfrom" or "recvmsg" or "read";

    public bool IsSend => Name is "sendto" or "sendmsg" or "write" or "writev";

    public bool IsFileWrite => Name is "pwrite64" or "pwritev";

    public bool IsSync => Name is "fdatasync" or "fsync";
}
