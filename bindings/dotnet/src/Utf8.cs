using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace TcAuth
{
    /// <summary>
    /// A C string for one call: strict UTF-8 with a NUL at the end. It is in native memory, because a garbage collector
    /// could leave copies behind. Dispose wipes it, because it may be a secret.
    /// </summary>
    internal readonly unsafe struct Utf8 : IDisposable
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>Throws <paramref name="refused"/> for a string with a NUL or a lone surrogate.</summary>
        internal Utf8(string text, string name, Status refused)
        {
            if (text == null)
                throw new ArgumentNullException(name);
            if (text.IndexOf('\0') >= 0)
                throw new TcAuthException(refused);
            try
            {
                Length = Strict.GetByteCount(text);
            }
            catch (EncoderFallbackException)
            {
                throw new TcAuthException(refused);
            }
            Pointer = (byte*)Marshal.AllocHGlobal(Length + 1);
            fixed (char* chars = text)
                Strict.GetBytes(chars, text.Length, Pointer, Length);
            Pointer[Length] = 0;
        }

        /// <summary>Like the constructor, but allows null, which becomes a null pointer.</summary>
        internal static Utf8 Optional(string text, Status refused) =>
            text == null ? default(Utf8) : new Utf8(text, null, refused);

        internal byte* Pointer { get; }

        internal int Length { get; }

        public void Dispose()
        {
            Wipe(Pointer, Pointer == null ? 0 : Length);
            Marshal.FreeHGlobal((IntPtr)Pointer);
        }

        /// <summary>Returns the text of a buffer, and wipes the buffer.</summary>
        internal static string Take(byte* buffer, int length)
        {
            try
            {
                return Encoding.UTF8.GetString(buffer, length);
            }
            finally
            {
                Wipe(buffer, length);
            }
        }

        private static void Wipe(byte* start, int length)
        {
            for (int i = 0; i < length; i++)
                Volatile.Write(ref start[i], 0); // a compiler may not remove it, although nobody reads the value
        }

        /// <summary>
        /// Encodes without a NUL at the end, for functions that take a length and accept only ASCII. A lone surrogate
        /// becomes a character that they refuse. Returns the length; each char needs up to three bytes.
        /// </summary>
        internal static int Copy(string text, byte* to, int capacity)
        {
            fixed (char* chars = text)
                return Encoding.UTF8.GetBytes(chars, text.Length, to, capacity);
        }
    }

    /// <summary>Command-line arguments as an array of C strings.</summary>
    internal sealed unsafe class Utf8Array : IDisposable
    {
        private readonly Utf8[] items;

        internal Utf8Array(string[] texts, string name)
        {
            if (texts == null)
                throw new ArgumentNullException(name);
            items = new Utf8[texts.Length];
            Pointers = new byte*[texts.Length + 1];
            try
            {
                for (int i = 0; i < texts.Length; i++)
                {
                    items[i] = new Utf8(texts[i], name, Status.InvalidArgument);
                    Pointers[i] = items[i].Pointer;
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        internal int Count => items.Length;

        internal byte*[] Pointers { get; }

        public void Dispose()
        {
            for (int i = 0; i < items.Length; i++)
                items[i].Dispose();
        }
    }
}
