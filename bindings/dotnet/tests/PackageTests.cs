using System;
using System.Diagnostics;
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

    /// <summary>Each call that can be the first one says so; Auth.LibraryVersion works.</summary>
    [Test]
    public void A_C_library_that_is_too_old_is_refused()
    {
        string old = Path.Combine(Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location), "old");
        string[] commands =
        {
            "new_hmac\ta\ti\tk", "new_token\ta\tt\t0", "from_json\ta\t{}", "from_args\ta", "from_env\ta",
            "from_param_file\ta\tp\tk", "discover\ta", "string_to_sign\tGET\t/\t1", "url_new\t/", "version_number",
            "status_name\t1", "status_message\t1", "advice_name\t1", "advice_message\t1",
        };
        var start = new ProcessStartInfo("sh", Path.Combine(Runner.Directory, "build.sh") + " conformance "
            + (Type.GetType("Mono.Runtime") == null ? "coreclr" : "mono"))
            { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        start.EnvironmentVariables["RELEASE"] = old;
        start.EnvironmentVariables["TARGET"] = Path.Combine(old, "../..");
        using (Process process = Process.Start(start))
        {
            process.StandardInput.Write("hello\n" + string.Join("\n", commands) + "\n");
            process.StandardInput.Close();
            string[] answers = process.StandardOutput.ReadToEnd().TrimEnd('\n').Split('\n');
            Check.True(answers[0].StartsWith("OK\t") && answers[0].EndsWith("\t0.0.9"), answers[0]);
            Check.Equal(commands.Length + 1, answers.Length);
            string header = File.ReadAllText(Path.Combine(Runner.Directory, "../../include/tc_auth.h"));
            string needed = Regex.Match(header, "TC_AUTH_VERSION_STRING \"(.*)\"").Groups[1].Value;
            string expected = "ERROR\tDllNotFoundException: The C library tc_auth 0.0.9 (" + Path.Combine(old, "libtc_auth.so")
                + ") is too old: this TcAuth.dll needs " + needed + " or later.";
            for (int i = 0; i < commands.Length; i++)
                Check.Equal(expected, Uri.UnescapeDataString(answers[i + 1]), commands[i]);
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
