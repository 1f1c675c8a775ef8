using KvRaft.Chaos.Matrix;

namespace KvRaft.Chaos.Planted;

/// <summary>A fault put into the store on purpose, and the scenario that is to convict it.</summary>
/// <param name="Name">As the store's planted build knows it.</param>
/// <param name="Scenario">Where it shows.</param>
/// <param name="What">What is wrong, for people.</param>
internal sealed record PlantedKind(string Name, Scenario Scenario, string What);
