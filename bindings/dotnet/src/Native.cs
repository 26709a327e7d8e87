using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

// The C library is not loaded from the current directory, and on Windows not from PATH.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]

namespace TcAuth
{
    /// <summary>The functions of the C library. Handles are passed as SafeHandles, which keeps them alive during a
    /// call.</summary>
    internal static unsafe class Native
    {
        internal const long Now = -1;
        internal const long NoTimestamp = -1;
        internal const long NoExpiry = 0;

        /// <summary>The version of the C library that this needs: its number is TC_AUTH_VERSION_NUMBER.</summary>
        private const uint Needed = 0 << 16 | 1 << 8 | 0;

        private const string Library = "tc_auth";
        private const CallingConvention C = CallingConvention.Cdecl;

        private static volatile bool isNewEnough;

        /// <summary>
        /// Call this before a function that needs no handle. It throws DllNotFoundException if the C library is too old:
        /// otherwise a function that it lacks would be missed only when it is called.
        /// </summary>
        internal static void Check()
        {
            if (isNewEnough)
                return;
            uint version;
            try
            {
                version = tc_auth_version_number();
            }
            catch (EntryPointNotFoundException)
            {
                version = 0; // the first version lacks it
            }
            if (version < Needed)
                throw new DllNotFoundException(
                    $"The C library tc_auth {Read(tc_auth_version())} ({FileName()}) is too old: this TcAuth.dll needs "
                    + $"{Needed >> 16}.{Needed >> 8 & 255}.{Needed & 255} or later.");
            isNewEnough = true;
        }

        /// <summary>The file of the loaded C library.</summary>
        private static string FileName()
        {
            try
            {
                const string Maps = "/proc/self/maps"; // on Linux, because there mono has wrong names in Modules
                IEnumerable<string> files = File.Exists(Maps)
                    ? File.ReadLines(Maps).Where(line => line.Contains("/")).Select(line => line.Substring(line.IndexOf('/')))
                    : Process.GetCurrentProcess().Modules.Cast<ProcessModule>().Select(module => module.FileName);
                return files.First(file => Path.GetFileName(file).Replace("lib", "").StartsWith(Library));
            }
            catch (Exception)
            {
                return "its file is unknown"; // not every system tells
            }
        }

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_new_hmac(byte* accessId, byte* secretKey, out AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_new_token(byte* token, long expires, out AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_from_json(byte* json, UIntPtr length, out AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_from_args(int count, byte** args, out AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_from_env(out AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_from_param_file(byte* path, byte* key, out AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_discover(int count, byte** args, byte** why, out AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern void tc_auth_free(IntPtr auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Kind tc_auth_get_kind(AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_describe(AuthHandle auth, out byte* text);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_headers_into(
            AuthHandle auth, byte* method, UIntPtr methodLength, byte* uri, UIntPtr uriLength, long unixTime,
            byte* authorization, UIntPtr capacity, UIntPtr* authorizationLength, long* timestamp);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_header_block(
            AuthHandle auth, byte* method, byte* uri, byte* block, UIntPtr capacity);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_string_to_sign(byte* method, byte* uri, long unixTime, out byte* text);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_update_token(AuthHandle auth, byte* token, long expires);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_token(AuthHandle auth, out byte* token, out long expires);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_set_api_path(AuthHandle auth, byte* apiPath);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_api_path(AuthHandle auth);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_set_renewal_window(AuthHandle auth, long seconds);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_renewal_window(AuthHandle auth, out long seconds);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_set_clock_offset(AuthHandle auth, long seconds);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_clock_offset(AuthHandle auth, out long seconds);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_token_state(AuthHandle auth, out State state, out long seconds);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_renewal_poll(AuthHandle auth, long maxWait, out RenewalHandle renewal);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_renewal_url(RenewalHandle renewal);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_renewal_needed(RenewalHandle renewal, out int needed);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_renewal_complete(
            IntPtr renewal, int httpStatus, byte* body, UIntPtr length, byte** serverMessage);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern void tc_auth_renewal_cancel(IntPtr renewal);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_review(
            AuthHandle auth, byte* sentAuthorization, UIntPtr sentLength, long sentTimestamp, int httpStatus, byte* date,
            byte* body, UIntPtr bodyLength, out Advice advice);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_verify(
            AuthHandle auth, byte* method, byte* uri, byte* authorization, byte* timestamp, long unixTime,
            long toleranceSeconds);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_family(AuthHandle auth, out byte* family);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_seal(AuthHandle auth, byte* key, out byte* line);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_unseal(
            AuthHandle auth, byte* line, UIntPtr length, byte* key, out Unsealed outcome);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_share_in(AuthHandle auth, byte* directory, byte* key);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_url_new(byte* start, out UrlHandle url);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_url_new_for(AuthHandle auth, byte* path, out UrlHandle url);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_url_add_segment(UrlHandle url, byte* segment);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern Status tc_auth_url_add_query(UrlHandle url, byte* name, byte* value);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_url_string(UrlHandle url);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern void tc_auth_url_free(IntPtr url);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern void tc_auth_string_free(byte* text);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_version();

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern uint tc_auth_version_number();

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_status_name(int status);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_status_message(int status);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_advice_name(int advice);

        [DllImport(Library, ExactSpelling = true, CallingConvention = C)]
        internal static extern byte* tc_auth_advice_message(int advice);

        /// <summary>Copies a string that the library owns; null for null.</summary>
        internal static string Read(byte* text)
        {
            if (text == null)
                return null;
            int length = 0;
            while (text[length] != 0)
                length++;
            return Encoding.UTF8.GetString(text, length);
        }

        /// <summary>Copies a string that we own, and lets the library wipe and free it.</summary>
        internal static string Take(byte* text)
        {
            try
            {
                return Read(text);
            }
            finally
            {
                tc_auth_string_free(text);
            }
        }
    }

    internal sealed class AuthHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal AuthHandle() : base(ownsHandle: true)
        {
        }

        protected override bool ReleaseHandle()
        {
            Native.tc_auth_free(handle);
            return true;
        }
    }

    internal sealed class RenewalHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal RenewalHandle() : base(ownsHandle: true)
        {
        }

        protected override bool ReleaseHandle()
        {
            Native.tc_auth_renewal_cancel(handle);
            return true;
        }
    }

    internal sealed class UrlHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal UrlHandle() : base(ownsHandle: true)
        {
        }

        protected override bool ReleaseHandle()
        {
            Native.tc_auth_url_free(handle);
            return true;
        }
    }
}
