using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace KvRaft.Reference.Tests;

/// <summary>The documentation comments of an assembly, from the XML file that the compiler writes beside it, as markdown.</summary>
internal sealed class DocComments
{
    private readonly Dictionary<string, XElement> _members;

    private DocComments(XDocument file) =>
        _members = file.Descendants("member").ToDictionary(static member => member.Attribute("name")!.Value, StringComparer.Ordinal);

    public static DocComments Of(Assembly assembly) =>
        new(XDocument.Load(Path.ChangeExtension(Path.Combine(AppContext.BaseDirectory, Path.GetFileName(assembly.Location)), ".xml")));

    /// <summary>The summary of a property, or of the parameter that a positional record makes it from.</summary>
    public string SummaryOf(PropertyInfo property)
    {
        var type = property.DeclaringType!.FullName!.Replace('+', '.');
        if (_members.TryGetValue($"P:{type}.{property.Name}", out var member) && member.Element("summary") is { } summary)
        {
            return Markdown(summary);
        }

        var parameter = _members.TryGetValue($"T:{type}", out var record)
            ? record.Elements("param").FirstOrDefault(each => each.Attribute("name")?.Value == property.Name)
            : null;
        return parameter is null ? "" : Markdown(parameter);
    }

    /// <summary>The text inside the first <c>code</c> element of a type's comment.</summary>
    public string CodeOf(Type type) => _members[$"T:{type.FullName!.Replace('+', '.')}"].Descendants("code").First().Value.Trim('\n', ' ');

    private static string Markdown(XElement element) =>
        Regex.Replace(string.Concat(element.Nodes().Select(Text)), @"\s+", " ").Trim();

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" or "seealso" or "paramref" } reference => $"`{Name(reference)}`",
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement other => string.Concat(other.Nodes().Select(Text)),
        _ => "",
    };

    // "P:KvRaft.Node.Options.NodeOptions.Nodes" is shown as "nodes", the last part of the name of the setting.
    private static string Name(XElement reference)
    {
        var cref = (reference.Attribute("cref") ?? reference.Attribute("name") ?? reference.Attribute("langword"))!.Value;
        var path = cref.Split('(')[0];
        var name = path[(path.LastIndexOf('.') + 1)..];
        return cref.StartsWith("P:KvRaft.Node.Options.", StringComparison.Ordinal) ? char.ToLowerInvariant(name[0]) + name[1..] : name;
    }
}
