using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using TcAuth;

public sealed class EnumTests
{
    [Test]
    public void Enumerations_are_those_of_the_header()
    {
        string header = File.ReadAllText(Path.Combine(Runner.Directory, "../../include/tc_auth.h"));
        foreach (Type type in new[] { typeof(Status), typeof(Kind), typeof(Advice), typeof(State), typeof(Unsealed) })
        {
            var inHeader = Regex.Matches(header, $"^  TC_AUTH_{type.Name.ToUpperInvariant()}_(\\w+) = (\\d+)", RegexOptions.Multiline)
                .Cast<Match>().Select(match => match.Groups[1] + "=" + match.Groups[2]);
            var here = Enum.GetValues(type).Cast<object>().Select(value =>
                Regex.Replace(value.ToString(), "(?<!^)([A-Z])", "_$1").ToUpperInvariant() + "=" + (int)value);
            Check.Equal(string.Join(" ", inHeader), string.Join(" ", here), type.Name);
            Check.True(inHeader.Count() >= 3, type.Name);
        }
    }
}
