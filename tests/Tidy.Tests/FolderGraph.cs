using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KvRaft.Tidy.Tests;

/// <summary>One use of a type, or of a member of it, by a file in another folder of the same project.</summary>
/// <param name="File">The file that uses it, below the project.</param>
/// <param name="Home">The file that declares the type, below the project.</param>
/// <param name="Name">What is used: <c>Type</c> or <c>Type.Member</c>.</param>
internal sealed record FolderUse(string File, string Home, string Name)
{
    public string From => FolderGraph.FolderOf(File);

    public string To => FolderGraph.FolderOf(Home);

    public override string ToString() => $"{File} uses {Name} of {Home}";
}

/// <summary>
/// Which folder of a project uses types of which other folder. The compiler binds each name, so a use counts also where the type is not written out (a member of a
/// value whose type is inferred, an extension method). Comments, references in documentation and using directives do not count.
/// <para>
/// The projects are compiled from their sources against the runtime alone: names of packages and of generated code stay unresolved, and none of them can be an arrow
/// between two folders. Where an unresolved argument leaves several overloads, all of them count.
/// </para>
/// </summary>
internal static class FolderGraph
{
    /// <summary>The folder of files that are directly in the project.</summary>
    public const string Root = ".";

    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    // Code that only builds with planted bugs contain is looked at as well.
    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Preview, DocumentationMode.None, preprocessorSymbols: ["NET", "NET10_0", "PLANTED_BUGS"]);

    private static readonly MetadataReference[] Runtime =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(static path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
            .Select(static path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>Arrows of every project of the repository under <paramref name="roots"/>, by its folder (<c>src/Node</c>).</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<FolderUse>> OfRepository(params string[] roots)
    {
        var compilations = new Dictionary<string, CSharpCompilation>(StringComparer.Ordinal);
        foreach (var project in Repository.Projects.Where(project => Repository.IsUnder(project, roots)))
        {
            Compile(project);
        }

        return compilations.AsParallel().ToDictionary(static each => each.Key, static each => Uses(each.Value), StringComparer.Ordinal);

        CSharpCompilation Compile(string project)
        {
            var folder = ArrowTests.FolderOf(project);
            if (!compilations.TryGetValue(folder, out var compilation))
            {
                var references = ArrowTests.Items(project, "ProjectReference")
                    .Select(include => Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(Repository.Root, folder, include))).Replace('\\', '/'))
                    .Select(other => Compile(other).ToMetadataReference());
                var sources = Repository.CSharp(folder).Select(file => (file[(folder.Length + 1)..], Repository.Read(file)));
                compilations[folder] = compilation = Compilation(Assembly(project), sources, [.. references], Friends(project));
            }

            return compilation;
        }
    }

    /// <summary>The same of sources in memory: path below the project, text.</summary>
    public static IReadOnlyList<FolderUse> Of(params (string File, string Text)[] sources) => Uses(Compilation("Sample", sources, [], []));

    public static string FolderOf(string file) => file.IndexOf('/', StringComparison.Ordinal) is > 0 and var end ? file[..end] : Root;

    // Without nullable analysis, which decides nothing here and takes half of the time.
    private static CSharpCompilation Compilation(string name, IEnumerable<(string File, string Text)> sources, MetadataReference[] references, string[] friends) => CSharpCompilation.Create(
        name,
        [
            CSharpSyntaxTree.ParseText(ImplicitUsings + string.Concat(friends.Select(static friend => $"[assembly: System.Runtime.CompilerServices.InternalsVisibleTo(\"{friend}\")]")), Parsing),
            .. sources.Select(static source => CSharpSyntaxTree.ParseText(source.Text, Parsing, source.File)),
        ],
        [.. Runtime, .. references],
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Disable));

    private static string Assembly(string project) =>
        Repository.ReadXml(project).Descendants("AssemblyName").Select(static name => name.Value).FirstOrDefault() ?? Path.GetFileNameWithoutExtension(project);

    private static string[] Friends(string project) => [.. ArrowTests.Items(project, "InternalsVisibleTo")];

    private static IReadOnlyList<FolderUse> Uses(CSharpCompilation compilation) =>
    [
        .. compilation.SyntaxTrees.Where(static tree => tree.FilePath.Length > 0).AsParallel().SelectMany(tree => Uses(compilation, tree))
            .Distinct().OrderBy(static use => use.ToString(), StringComparer.Ordinal),
    ];

    private static IEnumerable<FolderUse> Uses(CSharpCompilation compilation, SyntaxTree tree)
    {
        var model = compilation.GetSemanticModel(tree);
        foreach (var name in tree.GetRoot().DescendantNodes(static node => node is not UsingDirectiveSyntax).OfType<SimpleNameSyntax>())
        {
            // "var" binds to the inferred type; what is done with the value counts.
            if (name is IdentifierNameSyntax { IsVar: true })
            {
                continue;
            }

            var found = model.GetSymbolInfo(name);
            foreach (var symbol in found.Symbol is { } only ? [only] : found.CandidateSymbols)
            {
                if (Outermost(symbol) is { } type
                    && SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, compilation.Assembly)
                    && !type.DeclaringSyntaxReferences.Any(part => FolderOf(part.SyntaxTree.FilePath) == FolderOf(tree.FilePath)))
                {
                    yield return new FolderUse(tree.FilePath, Home(type), symbol is INamedTypeSymbol ? type.Name : $"{type.Name}.{symbol.Name}");
                }
            }
        }
    }

    /// <summary>The type in a namespace that the symbol is, or belongs to; null for what belongs to no type of its own: locals, parameters, namespaces.</summary>
    private static INamedTypeSymbol? Outermost(ISymbol symbol)
    {
        var type = symbol switch
        {
            INamedTypeSymbol named => named,
            IMethodSymbol { MethodKind: MethodKind.LocalFunction } => null,
            IMethodSymbol { ReducedFrom: { } extension } => extension.ContainingType,
            IMethodSymbol or IPropertySymbol or IFieldSymbol or IEventSymbol => symbol.ContainingType,
            _ => null,
        };
        while (type?.ContainingType is { } outer)
        {
            type = outer;
        }

        return type?.OriginalDefinition;
    }

    /// <summary>Of a type in several files, the one with its name.</summary>
    private static string Home(INamedTypeSymbol type)
    {
        var files = type.DeclaringSyntaxReferences.Select(static part => part.SyntaxTree.FilePath).Order(StringComparer.Ordinal).ToArray();
        return Array.Find(files, file => Path.GetFileNameWithoutExtension(file) == type.Name) ?? files[0];
    }
}
