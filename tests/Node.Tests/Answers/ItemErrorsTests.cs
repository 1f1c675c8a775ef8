using KvRaft.Node.Answers;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Answers;

/// <summary>An answer of many items with values and errors fits into the message that the values were read for.</summary>
public sealed class ItemErrorsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(256)]
    [InlineData(10_000)]
    public void Errors_of_any_length_leave_room_for_the_values(int items)
    {
        var response = new MultiSetResponse { Items = { Enumerable.Range(0, items).Select(i => new MultiSetResponse.Types.Item { Error = Error(textBytes: 2_000, i) }) } };

        ItemErrors.Shorten(response.Items.Select(static item => item.Error));

        Assert.InRange(response.CalculateSize(), 1, ItemErrors.DetailBytesMax + (items * ItemErrors.ItemBytesMax));
        Assert.All(response.Items, static item => Assert.Equal(
            (8, ErrorReasons.ElectionInProgress, Execution.NotExecuted, 1234L), (item.Error.Code, item.Error.Reason, item.Error.Execution, item.Error.RetryDelayMs)));
        Assert.Equal(Error(2_000, 0), response.Items[0].Error);
    }

    [Fact]
    public void Errors_that_fit_are_kept_whole()
    {
        ErrorDetail?[] errors = [null, .. Enumerable.Range(0, 100).Select(static i => Error(textBytes: 100, i)), null];
        var before = errors.Select(static error => error?.Clone()).ToArray();

        ItemErrors.Shorten(errors);

        Assert.Equal(before, errors);
    }

    [Fact]
    public void An_item_without_an_error_fits_into_its_bytes()
    {
        var item = new MultiSetResponse.Types.Item { Applied = true, Version = long.MaxValue, ValuesNotKept = true };
        var response = new MultiSetResponse { Items = { item }, Unprocessed = { 9_999 } };

        Assert.InRange(response.CalculateSize(), 1, ItemErrors.ItemBytesMax);
    }

    private static ErrorDetail Error(int textBytes, int item) => new()
    {
        Code = 8,
        Message = new string('m', textBytes),
        Reason = ErrorReasons.ElectionInProgress,
        Execution = Execution.NotExecuted,
        Metadata = { ["field"] = $"items[{item}]" },
        RetryDelayMs = 1234,
    };
}
