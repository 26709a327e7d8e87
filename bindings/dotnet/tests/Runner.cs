using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

/// <summary>A public method without arguments, void or Task, that throws if the test fails.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TestAttribute : Attribute
{
}

internal static class Check
{
    internal static void Equal<T>(T expected, T actual, string what = "")
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new Exception($"{what}: expected <{expected}>, but it is <{actual}>");
    }

    internal static void True(bool condition, string what) => Equal(true, condition, what);

    internal static T Throws<T>(Action action, string what = "") where T : Exception =>
        ThrowsAsync<T>(() => Task.Run(action), what).GetAwaiter().GetResult();

    internal static async Task<T> ThrowsAsync<T>(Func<Task> action, string what = "") where T : Exception
    {
        try
        {
            await action();
        }
        catch (T e)
        {
            return e;
        }
        throw new Exception($"{what}: no {typeof(T).Name}");
    }

    internal static void Fails(TcAuth.Status expected, Action action, string what = "") =>
        Equal(expected, Throws<TcAuth.TcAuthException>(action, what).Status, what);
}

/// <summary>Runs all tests, or those whose names hold the second argument. The first is the binding's directory.</summary>
internal static class Runner
{
    internal static string Directory { get; private set; }

    private static int Main(string[] args)
    {
        Directory = args[0];
        int passed = 0, failed = 0;
        var tests = from type in Assembly.GetExecutingAssembly().GetTypes()
                    from method in type.GetMethods()
                    where method.IsDefined(typeof(TestAttribute)) && (args.Length < 2 || $"{type}.{method.Name}".Contains(args[1]))
                    select method;
        foreach (MethodInfo test in tests)
        {
            string name = $"{test.DeclaringType.Name}.{test.Name}", result = "ok";
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                var task = test.Invoke(Activator.CreateInstance(test.DeclaringType), null) as Task;
                if (task != null && !task.Wait(TimeSpan.FromSeconds(60)))
                    throw new TimeoutException("after 60 seconds");
                passed++;
            }
            catch (Exception e)
            {
                failed++;
                result = "FAILED " + e;
            }
            Console.WriteLine($"{name} ({watch.ElapsedMilliseconds} ms): {result}");
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 && passed > 0 ? 0 : 1;
    }
}
