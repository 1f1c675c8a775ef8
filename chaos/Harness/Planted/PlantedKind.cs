using KvRaft.Chaos.Matrix;

namespace KvRaft.Chaos.Planted;

/// <summary>An intentional fault of the store, and the scenario that must find it.</summary>
/// <param name="Name">The name in the planted build of the store.</param>
/// <param name="Scenario">The scenario in which it shows.</param>
/// <param name="What">The effect, for display.</param>
internal sealed record PlantedKind(string Name, Scenario Scenario, string What);
