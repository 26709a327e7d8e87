using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml;

/// <summary>The project file, which nothing here can build, and the README.</summary>
public sealed class PackageTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(Runner.Directory, "README.md"));

    [Test]
    public void The_project_names_files_that_exist()
    {
        var project = new XmlDocument();
        project.Load(Path.Combine(Runner.Directory, "TcAuth.csproj"));
        Check.Equal("netstandard2.0", project.SelectSingleNode("//TargetFramework").InnerText);
        string[] includes = project.SelectNodes("//@Include").Cast<XmlAttribute>().Select(include => include.Value).ToArray();
        Check.True(includes.Length >= 3, "includes");
        string release = Environment.GetEnvironmentVariable("TcAuthRelease"); // as MSBuild reads it
        if (string.IsNullOrEmpty(release))
            release = project.SelectSingleNode("//TcAuthRelease").InnerText;
        foreach (string include in includes)
        {
            string path = Path.Combine(Runner.Directory, include.Replace("$(TcAuthRelease)", release));
            Check.True(Directory.GetFiles(Path.GetDirectoryName(path), Path.GetFileName(path)).Length > 0, include);
        }
        Check.True(File.Exists(Path.Combine(Runner.Directory, project.SelectSingleNode("//PackageReadmeFile").InnerText)), "README");
    }

    [Test]
    public void The_first_example_prints_what_the_README_says() => Check.Equal(Block("text", 0), Run("Readme1.exe"));

    [Test]
    public void The_second_example_works()
    {
        using (var server = new Server(request => request.Target.StartsWith("/api/appAuth")
            ? Server.Response(200, "{\"success\": true, \"apiToken\": \"new\"}")
            : Server.Response(request["Authorization"] == "TC-Token new" ? 200 : 401, "{\"data\": []}")))
        {
            string output = Run("Readme2.exe", "--tc_token=old", "--tc_api_path=" + server.Origin + "/api");
            Check.Equal(Block("text", 1), output);
            Check.Equal("/api/v3/indicators?tql=typeName%20in%20%28%22Host%22%29&resultLimit=10", server.All[2].Target);
        }
    }

    [Test]
    public void The_third_example_works()
    {
        using (var server = new Server(request => Server.Response(request["Authorization"] == "TC-Token t" ? 200 : 401, "hello")))
        {
            string expires = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds().ToString();
            Check.Equal("hello\n", Run("Readme3.exe", server.Origin + "/api", "t", expires));
            Check.Equal("/api/v3/indicators", server.All.Single().Target);
        }
    }

    private static string Block(string language, int index) =>
        Regex.Matches(Readme, $"```{language}\n(.*?)```", RegexOptions.Singleline)[index].Groups[1].Value;

    private static string Run(string program, params string[] args)
    {
        string path = Path.Combine(Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location), program);
        TextWriter console = Console.Out;
        var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            MethodInfo main = Assembly.LoadFrom(path).EntryPoint;
            main.Invoke(null, main.GetParameters().Length == 0 ? null : new object[] { args });
        }
        finally
        {
            Console.SetOut(console);
        }
        return output.ToString();
    }
}
