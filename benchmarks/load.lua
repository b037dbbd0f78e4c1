-- wrk script: sends one JSON operation to either server, with the headers that botocore sends.
-- Arguments: operation (describe | create | list), number of stored jobs, name prefix of new jobs, file with the body of
-- a Create (@NAME@ is replaced by the job name), random seed.
local request_head, body_of
local made = 0

local targets = {
    describe = "SageMaker.DescribeProcessingJob",
    create = "SageMaker.CreateProcessingJob",
    list = "SageMaker.ListProcessingJobs",
}

function init(args)
    local what, stored, prefix = args[1], tonumber(args[2]), args[3]
    math.randomseed(tonumber(args[5]))
    if what == "describe" then
        body_of = function()
            return string.format('{"ProcessingJobName":"stored-%07d"}', math.random(0, stored - 1))
        end
    elseif what == "list" then
        body_of = function() return '{"MaxResults":100}' end
    else
        local file = assert(io.open(args[4]))
        local before, after = string.match(file:read("*a"), "^(.*)@NAME@(.*)$")
        file:close()
        body_of = function()
            made = made + 1
            return before .. prefix .. made .. after
        end
    end
    request_head = table.concat({
        "POST / HTTP/1.1",
        "Host: " .. wrk.host .. ":" .. wrk.port,
        "X-Amz-Target: " .. targets[what],
        "Content-Type: application/x-amz-json-1.1",
        "User-Agent: Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux lang/python#3.11 cfg/retry-mode#legacy",
        "X-Amz-Date: 20260901T120000Z",
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260901/us-east-1/sagemaker/aws4_request, "
            .. "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" .. string.rep("0f", 32),
        "amz-sdk-invocation-id: 8c1b1b1e-6d0e-4b55-9a52-5d3c9d8ef0aa",
        "amz-sdk-request: attempt=1",
        "Content-Length: ",
    }, "\r\n")
end

function request()
    local body = body_of()
    return request_head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(99)))
end
